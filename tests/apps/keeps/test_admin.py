"""What staff see of keeps: that, when and how big, never what; and nothing that they could change."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keeps.models import Keep
from tests.apps.keeps.pictures import uploaded

LISTS = ["keep", "sharelink", "export"]


def busy(family, many=1):
    for _ in range(many):
        path = uploaded(family, caption="Grandmother in Lissabon")
        family.member.post(f"{path}/shares")
        family.owner.post(f"{family.path}/exports")


@pytest.mark.parametrize("model", LISTS)
def test_staff_see_lists_without_content_and_without_a_query_per_row(family, model):
    """Each list loads, costs the same for many rows as for few, and shows no caption and no address."""
    costs = []
    for many in (1, 4):
        busy(family, many)
        with CaptureQueriesContext(connection) as queries:
            answer = family.staff.get(f"/admin/keeps/{model}/")
        assert answer.status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]
    shown = answer.content.decode()
    assert "Lissabon" not in shown
    assert "member@people.example" not in shown


@pytest.mark.parametrize("model", LISTS)
def test_one_of_them_is_shown_without_what_opens_it_and_cannot_be_changed(family, model):
    """No caption, no file, no digest of a link; saving, adding and deleting are refused."""
    busy(family)
    rows = {
        "keep": Keep.objects,
        "sharelink": Keep.objects.get().share_links,
        "export": family.circle.exports,
    }
    row = rows[model].get()
    path = f"/admin/keeps/{model}/{row.pk}/change/"
    answer = family.staff.get(path)
    assert answer.status_code == 200
    shown = answer.content.decode()
    for hidden in ("Lissabon", "picture.jpg", Keep.objects.get().share_links.get().digest):
        assert hidden not in shown
    for tail in (f"{row.pk}/change", f"{row.pk}/delete", "add"):
        assert family.staff.http.post(f"/admin/keeps/{model}/{tail}/", {"post": "yes"}).status_code == 403
    assert rows[model].count() == 1
