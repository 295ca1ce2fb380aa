# Run by pam_exec (expose_authtok): notes the user of a login and the password, which is on standard
# input, in the file $1. server_program.py says how, and reads it.
umask 077
{ printf '%s\0' "$PAM_USER"; cat; } >"$1"
