# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FTPSOptions ReuseSession=1
