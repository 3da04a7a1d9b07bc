"""The version of the distribution and of the wire protocol, which change independently."""

__version__ = "0.1.0"

PROTOCOL_MAJOR = 1  # a change that an older peer would misread
PROTOCOL_MINOR = 0  # an addition that an older peer can ignore
