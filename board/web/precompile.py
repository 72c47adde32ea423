"""``python -m board.web.precompile``: compile the templates of an installation, as ``compileall`` compiles its modules.

For whoever installs the board for others, such as the Dockerfile; needs the right to write where it is installed.
"""

from board.config import Settings
from board.web import create_app
from board.web.templating import Compiled, load_all

__all__ = ["main"]


def main() -> None:
    """Compile them all.

    Raises:
        PermissionError: somebody else installed the board.
    """
    environment = create_app(Settings(redis_url="redis://localhost")).jinja_env
    environment.bytecode_cache = Compiled(writes=True)
    load_all(environment)


if __name__ == "__main__":
    main()
