"""Everything that is measured: the engine beside Node BullMQ, then the dashboard beside bull-board.

make bench
python -m bench --quick
"""

import sys

from bench import dashboard, engine

if __name__ == "__main__":
    sys.exit(engine.main([*sys.argv[1:], "--save"]) or dashboard.main(sys.argv[1:]))
