# FTPS lines of mt-config.cgi
FTPSOptions Timeout=5
FTPSOptions SSL=1
FTPSOptions SSL_version=TLSv1_2
