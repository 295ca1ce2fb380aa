"""A person's pure-ftpd.conf: what is known of one before it is read."""

from lab.own.configurations import OwnConfiguration
from lab.servers.pure_ftpd import PureFtpd

READER = OwnConfiguration(
    file="pure-ftpd.conf",
    software="pure-ftpd",
    settings=PureFtpd,
    help="your pure-ftpd.conf, or Debian's folder /etc/pure-ftpd/conf",
    is_written=True,
    has_certificate=True,
)
