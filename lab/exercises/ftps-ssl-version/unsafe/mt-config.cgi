# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FTPSSSLVersion TLSv1_2
FTPSSSLVerifyNone 1
