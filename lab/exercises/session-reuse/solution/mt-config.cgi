# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FTPSOptions Passive=0
