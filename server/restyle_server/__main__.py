"""`python -m restyle_server`."""

from .app import main

raise SystemExit(main())
