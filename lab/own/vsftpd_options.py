"""The options of vsftpd 3.0.5, and what each has to do with an attempt in the lab.

Every option that the program knows is in exactly one of these tables; the names and their kinds are
those of ``parseconf.c``. Sources: vsftpd 3.0.5's ``parseconf.c``, ``tunables.c`` and ``main.c``; for
Debian the patches ``0005-whitespaces``, ``0007-utf8`` and ``0065-upload_download_filename_pattern``;
for Enterprise Linux 9 the patches ``0040`` and ``0041`` (the switches, ``ssl_ciphersuites``). The other
names of that build are those that its package is known to add; one that is missing here is kept for
the server to judge, like every name that is in no table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lab.servers.vsftpd import DEBIAN, EL9, Build


class Kind(StrEnum):
    """How the program reads a value."""

    BOOLEAN = "boolean"
    """YES, TRUE, 1, NO, FALSE or 0 in any case, and nothing else: not even a blank behind it."""
    NUMBER = "number"
    """Octal with a leading 0, else atoi(3): what is no number is 0."""
    TEXT = "text"
    """Anything; blanks around it are cut off (a patch of both distributions)."""


TRUE_WORDS = ("YES", "TRUE", "1")
FALSE_WORDS = ("NO", "FALSE", "0")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_BOOLEANS = _words("""
anonymous_enable local_enable pasv_enable port_enable chroot_local_user write_enable anon_upload_enable
anon_mkdir_write_enable anon_other_write_enable chown_uploads connect_from_port_20 xferlog_enable
dirmessage_enable anon_world_readable_only async_abor_enable ascii_upload_enable ascii_download_enable
one_process_model xferlog_std_format pasv_promiscuous deny_email_enable chroot_list_enable
setproctitle_enable text_userdb_names ls_recurse_enable log_ftp_protocol guest_enable userlist_enable
userlist_deny use_localtime check_shell hide_ids listen port_promiscuous passwd_chroot_enable
no_anon_password tcp_wrappers use_sendfile force_dot_files listen_ipv6 dual_log_enable syslog_enable
background virtual_use_local_privs session_support download_enable dirlist_enable chmod_enable
secure_email_list_enable run_as_launching_user no_log_lock ssl_enable allow_anon_ssl
force_local_logins_ssl force_local_data_ssl ssl_sslv2 tilde_user_enable force_anon_logins_ssl
force_anon_data_ssl mdtm_write lock_upload_files pasv_addr_resolve debug_ssl require_cert validate_cert
strict_ssl_read_eof strict_ssl_write_shutdown ssl_request_cert delete_failed_uploads implicit_ssl
ptrace_sandbox require_ssl_reuse isolate isolate_network ftp_enable http_enable seccomp_sandbox
allow_writeable_chroot
""")

_NUMBERS = _words("""
accept_timeout connect_timeout local_umask anon_umask ftp_data_port idle_session_timeout
data_connection_timeout pasv_min_port pasv_max_port anon_max_rate local_max_rate listen_port max_clients
file_open_mode max_per_ip trans_chunk_size delay_failed_login delay_successful_login max_login_fails
chown_upload_mode
""")

_TEXTS = _words("""
secure_chroot_dir ftp_username chown_username xferlog_file vsftpd_log_file message_file nopriv_user
ftpd_banner banned_email_file chroot_list_file pam_service_name guest_username userlist_file anon_root
local_root banner_file pasv_address listen_address user_config_dir listen_address6 cmds_allowed
cmds_denied hide_file deny_file user_sub_token email_password_file rsa_cert_file dsa_cert_file
ssl_ciphers rsa_private_key_file dsa_private_key_file ca_certs_file ssl_sni_hostname
""")

#: What only one build knows, beside its names of the protocol switches.
_ONLY: Mapping[str, Mapping[str, Kind]] = {
    DEBIAN.name: {
        "utf8_filesystem": Kind.BOOLEAN,
        "upload_file": Kind.TEXT,
        "download_file": Kind.TEXT,
    },
    EL9.name: {
        "better_stou": Kind.BOOLEAN,
        "log_die": Kind.BOOLEAN,
        "reverse_lookup_enable": Kind.BOOLEAN,
        "userlist_log": Kind.BOOLEAN,
        "wc_logs_enable": Kind.BOOLEAN,
        "bind_retries": Kind.NUMBER,
        "dh_param_file": Kind.TEXT,
        "ecdh_param_file": Kind.TEXT,
        "ssl_ciphersuites": Kind.TEXT,
    },
}

#: The builds whose files can be read, by name.
BUILDS: Mapping[str, Build] = {build.name: build for build in (DEBIAN, EL9)}


@dataclass(frozen=True)
class Reader:
    """What one build makes of a file: the options that it knows."""

    build: Build
    kinds: Mapping[str, Kind]
    versions: Mapping[str, str]
    """Protocol version by the name of its switch."""

    @classmethod
    def of(cls, build: Build) -> Reader:
        """The reader of a build."""
        versions = {option: version for version, option in build.protocol_options.items()}
        kinds = {
            **dict.fromkeys(_BOOLEANS, Kind.BOOLEAN),
            **dict.fromkeys(_NUMBERS, Kind.NUMBER),
            **dict.fromkeys(_TEXTS, Kind.TEXT),
            **dict.fromkeys(versions, Kind.BOOLEAN),
            **_ONLY[build.name],
        }
        return cls(build, kinds, versions)


#: Options that are a field of ServerSettings, with the program's default where the field has no None.
FIELDS: Mapping[str, str] = {
    "ssl_enable": "tls",
    "force_local_logins_ssl": "tls_required_login",
    "force_local_data_ssl": "tls_required_data",
    "implicit_ssl": "implicit_tls",
    "anonymous_enable": "anonymous",
    "ssl_ciphers": "ciphers",
    "require_ssl_reuse": "require_ssl_reuse",
    "strict_ssl_read_eof": "strict_ssl_read_eof",
    "ssl_sni_hostname": "ssl_sni_hostname",
    "require_cert": "require_cert",
    "allow_anon_ssl": "allow_anon_ssl",
}

#: What holds for these when no line sets them (``tunables.c``).
DEFAULTS: Mapping[str, bool] = {
    "ssl_enable": False,
    "force_local_logins_ssl": True,
    "force_local_data_ssl": True,
    "implicit_ssl": False,
    "anonymous_enable": True,
}

#: Versions that are on when no line switches them.
DEFAULT_VERSIONS = ("TLSv1.2", "TLSv1.3")

#: Paths of certificates and keys: files of the operator's machine.
CERTIFICATE = "rsa_cert_file"
CERTIFICATE_FILES = (
    CERTIFICATE,
    "rsa_private_key_file",
    "dsa_cert_file",
    "dsa_private_key_file",
    "ca_certs_file",
)

#: Options that the lab sets for its own listeners, unless a line says NO.
ALLOWED = {
    "local_enable": "logins of named users are refused (530)",
    "write_enable": "every upload is refused (550)",
}

_LISTENER = "the lab starts a listener of its own"
_PORTS = "every listener of the lab has its own range of passive ports; `-s pasv_ports=` sets one"
_ADDRESS = (
    "it belongs to your network: announced in the lab, it would break every passive transfer there;"
    " `-s pasv_address=` tries that"
)
_ACCOUNTS = "the lab has its own users and directories"
_LOGS = "the lab reads its own log of every attempt"
_FILE = "it is a file of your machine"
_PORT_20 = "vsftpd may not bind port 20 in the lab's container; the port has no part in TLS"
_ANONYMOUS = "the lab has its own anonymous directory, and allows uploads to it"

#: Options that the lab sets itself, and why.
REPLACED: Mapping[str, str] = {
    **dict.fromkeys(
        ("listen", "listen_ipv6", "listen_address", "listen_address6", "listen_port", "background"),
        _LISTENER,
    ),
    **dict.fromkeys(("pasv_min_port", "pasv_max_port"), _PORTS),
    **dict.fromkeys(("pasv_address", "pasv_addr_resolve"), _ADDRESS),
    **dict.fromkeys(("connect_from_port_20", "ftp_data_port"), _PORT_20),
    **dict.fromkeys(
        _words("""
        local_root guest_enable guest_username virtual_use_local_privs pam_service_name check_shell
        session_support userlist_enable userlist_deny userlist_file chroot_local_user
        chroot_list_enable chroot_list_file passwd_chroot_enable allow_writeable_chroot user_config_dir
        user_sub_token secure_chroot_dir nopriv_user chown_uploads chown_username chown_upload_mode
        tcp_wrappers
        """),
        _ACCOUNTS,
    ),
    **dict.fromkeys(
        _words("""
        xferlog_enable xferlog_std_format xferlog_file vsftpd_log_file log_ftp_protocol debug_ssl
        dual_log_enable syslog_enable no_log_lock
        """),
        _LOGS,
    ),
    **dict.fromkeys(
        _words("""
        anon_root ftp_username anon_upload_enable anon_other_write_enable anon_mkdir_write_enable
        deny_email_enable banned_email_file secure_email_list_enable email_password_file
        """),
        _ANONYMOUS,
    ),
    **dict.fromkeys(("banner_file", "dh_param_file", "ecdh_param_file"), _FILE),
}

#: Options without a field that can change how an attempt ends: they go to the server word for word.
KEPT = frozenset(
    _words("""
    pasv_enable port_enable pasv_promiscuous port_promiscuous force_anon_logins_ssl force_anon_data_ssl
    validate_cert ssl_request_cert ssl_sslv2 strict_ssl_write_shutdown cmds_allowed cmds_denied deny_file
    upload_file max_clients max_per_ip accept_timeout connect_timeout idle_session_timeout
    data_connection_timeout delay_failed_login delay_successful_login max_login_fails local_max_rate
    anon_max_rate trans_chunk_size ascii_upload_enable lock_upload_files delete_failed_uploads
    no_anon_password isolate isolate_network seccomp_sandbox ptrace_sandbox one_process_model
    run_as_launching_user ftp_enable http_enable ssl_ciphersuites
    """)
)

#: Options that have no part in an upload: listings, downloads, modes of files, texts.
WITHOUT_EFFECT = frozenset(
    _words("""
    dirmessage_enable message_file anon_world_readable_only async_abor_enable ascii_download_enable
    setproctitle_enable text_userdb_names ls_recurse_enable use_localtime hide_ids use_sendfile
    force_dot_files download_enable dirlist_enable chmod_enable tilde_user_enable mdtm_write local_umask
    anon_umask file_open_mode ftpd_banner hide_file download_file utf8_filesystem better_stou log_die
    reverse_lookup_enable userlist_log wc_logs_enable bind_retries
    """)
)
