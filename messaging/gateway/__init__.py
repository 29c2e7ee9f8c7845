"""A push gateway for development and tests: a real HTTP process that can be told to be slow, to fail or to hang up.

Run it with `python -m messaging.gateway --port 8099`; in a test, `Gateway().start()` gives one on a free port.
"""

from messaging.gateway.server import Gateway as Gateway
from messaging.gateway.state import Behaviour as Behaviour
from messaging.gateway.state import Received as Received
