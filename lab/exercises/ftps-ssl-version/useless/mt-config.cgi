# FTPS lines of mt-config.cgi
FTPSOptions Timeout=5
FTPSSSLVersion TLSv1_1
