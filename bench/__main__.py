"""Everything that is measured: the engine beside Node BullMQ and other queues for Python, our dashboard beside another.

make bench
python -m bench --quick
"""

import sys

from bench import dashboard, engine, python_peers

if __name__ == "__main__":
    sys.exit(
        engine.main([*sys.argv[1:], "--save"])
        or python_peers.main([*sys.argv[1:], "--save"])
        or dashboard.main(sys.argv[1:])
    )
