"""Every write of this app, by what it is about; each business event is logged here, once.

`accounts` (sign-up, profile, passwords), `sessions` (login, lock-out), `circles` (members, roles, owners),
`invitations`, `privacy` (consent, export, deletion), `support` (impersonation).
"""
