# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FTPSOptions SSL=1
FTPSOptions SSL_version=TLSv1_2
