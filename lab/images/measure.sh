# Asks an image for what is in it, and prints it in lines: kind, name, value, with tabs between them.
# Calls of these functions follow, which the recipe names.
set -u
say() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

. /etc/os-release
say os "" "$PRETTY_NAME"
for policy in DEFAULT LEGACY FUTURE FIPS; do
  if [ -f "/usr/share/crypto-policies/$policy/opensslcnf.txt" ]; then say policy "$policy" ""; fi
done

version() {
  if command -v dpkg-query >/dev/null; then dpkg-query -W -f '${Version}' "$1"
  else rpm -q --qf '%{VERSION}-%{RELEASE}' "$1"; fi 2>/dev/null
}

# A package that is not installed is left out.
packages() {
  for name; do
    if value=$(version "$name") && [ -n "$value" ]; then say package "$name" "$value"; fi
  done
}

# A program that cannot even tell its version cannot be tested either.
must() {
  value=$(eval "$3") || value=
  if [ -z "$value" ]; then
    echo "$2 does not tell its version" >&2
    exit 1
  fi
  say "$1" "$2" "$value"
}
