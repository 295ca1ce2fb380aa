// Upload a file with github.com/jlaffaye/ftp.
package main

import (
	"crypto/tls"
	"log"
	"os"
	"time"

	"github.com/jlaffaye/ftp"
)

func main() {
	host, port, file, mode := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	settings := &tls.Config{ServerName: host}
	options := []ftp.DialOption{ftp.DialWithTimeout(4 * time.Second)}
	switch mode {
	case "tls":
		options = append(options, ftp.DialWithExplicitTLS(settings))
	case "implicit":
		options = append(options, ftp.DialWithTLS(settings))
	}
	connection, err := ftp.Dial(host+":"+port, options...)
	if err != nil {
		log.Fatal(err)
	}
	if err := connection.Login("lab", os.Getenv("PASSWORD")); err != nil {
		log.Fatal(err)
	}
	content, err := os.Open(file)
	if err != nil {
		log.Fatal(err)
	}
	if err := connection.Stor("delivery.bin", content); err != nil {
		log.Fatal(err)
	}
	if err := connection.Quit(); err != nil {
		log.Fatal(err)
	}
}
