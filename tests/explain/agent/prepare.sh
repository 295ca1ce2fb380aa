#!/bin/sh
# Compile what is to be compiled, and make the trust stores of programs that read no PEM file.
set -eu
cd /opt/lab/explain
head -c 4096 /dev/urandom >payload
if command -v javac >/dev/null; then
  jars=$(ls /usr/share/java/commons-net.jar 2>/dev/null || :)
  javac -cp "$jars" -d classes programs/Fetch.java
  [ -z "$jars" ] || javac -cp "$jars" -d classes programs/Upload.java
  csplit -s -z -f anchor- trusted.pem '/BEGIN CERTIFICATE/' '{*}'
  for anchor in anchor-*; do
    keytool -importcert -noprompt -alias "$anchor" -file "$anchor" -keystore trusted.p12 -storetype PKCS12 -storepass changeit 2>/dev/null
  done
fi
if command -v go >/dev/null; then
  export GOPATH=/usr/share/gocode GO111MODULE=off GOCACHE=/tmp/go-cache GOFLAGS=
  go build -o fetch-go programs/fetch.go
  [ ! -d /usr/share/gocode/src/github.com/jlaffaye/ftp ] || go build -o upload-go programs/goftp/upload.go
fi
if command -v certutil >/dev/null; then
  mkdir -p /root/.pki/nssdb
  certutil -d sql:/root/.pki/nssdb -N --empty-password
  csplit -s -z -f root- trusted.pem '/BEGIN CERTIFICATE/' '{*}'
  for anchor in root-*; do
    certutil -d sql:/root/.pki/nssdb -A -t C,, -n "$anchor" -i "$anchor"
  done
fi
