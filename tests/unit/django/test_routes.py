"""How a route is spelt in lines."""

import pytest

from logkit.django.routes import template


@pytest.mark.parametrize(
    ("route", "spelt"),
    [
        ("api/circles/<uuid:circle_id>/messages", "api/circles/{circle_id}/messages"),
        ("users/<name>/", "users/{name}/"),
        ("", "/"),
        (r"^old/(?P<year>[0-9]{4})/$", "old/{year}/"),
        (r"^api/^users/(\d+)/\Z", "api/users/{var}/"),
        (
            r"^files/(?P<name>[\w.-]+)(?:\.(?P<kind>json|xml))?$",
            "files/{name}",
        ),  # what is optional is left out
        ("v1.0/report.pdf", "v1.0/report.pdf"),
    ],
)
def test_r21_routes_of_both_kinds_are_spelt_alike(route: str, spelt: str) -> None:
    """Converters and regular expressions leave the names of the parameters."""
    assert template(route) == spelt
