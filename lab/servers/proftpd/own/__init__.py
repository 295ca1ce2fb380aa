"""A person's proftpd.conf: what is known of one before it is read."""

from lab.own.configurations import OwnConfiguration
from lab.servers.proftpd import Proftpd

READER = OwnConfiguration(
    file="proftpd.conf",
    software="proftpd",
    settings=Proftpd,
    help="your proftpd.conf, beside what it includes",
    is_written=True,
)
