# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FTPSSSLVerifyNone 1
