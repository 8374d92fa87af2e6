"""`gateway serve`, with a quicker pulse: a siege should not wait for the dead."""

import gateway.app
from core.replica import Pulse
from gateway.cli import main

gateway.app.PULSE = Pulse(beat=0.5, dead=2.0)

if __name__ == "__main__":
    import sys

    sys.argv[1:] = ["serve"]
    main()
