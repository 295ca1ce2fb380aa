# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
