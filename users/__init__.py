"""People, circles, memberships, invitations and what the law says about personal data."""
