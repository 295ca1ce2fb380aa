# Run by pam_exec (expose_authtok): notes a login, as record_login.sh does, in the file $1. ProFTPD asks PAM
# about the account that an impostor has for everybody; whom the client named is in the log, $2.
umask 077
user=$(sed -n 's/^.*\] command: USER \(.*\) reply: .*$/\1/p' "$2" | tail -n 1)
{ printf '%s\0' "${user:-$PAM_USER}"; cat; } >"$1"
