"""Keeping a stream for its time: whole segments expire with a receipt, a legal hold keeps them."""

from logkit.audit.retention.expiry import Decision, RetentionRefused, apply, plan, policy_text

__all__ = ["Decision", "RetentionRefused", "apply", "plan", "policy_text"]
