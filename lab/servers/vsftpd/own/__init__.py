"""A person's vsftpd.conf: what is known of one before it is read."""

from lab.own.configurations import OwnConfiguration
from lab.servers.vsftpd import Vsftpd

READER = OwnConfiguration(
    file="vsftpd.conf",
    software="vsftpd",
    settings=Vsftpd,
    help="your vsftpd.conf",
    build_help="what it is written for: debian13, debian12 or el9",
    is_written=True,
    has_certificate=True,
)
