"""A process of one role, as the supervisor starts it without a fork server."""

import sys

from gateway.app.roles.role_process import run_role

if __name__ == "__main__":
    sys.exit(run_role(sys.argv[1]))
