# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FTPSOptionsSSL_verifycn_name other.lab.test
FTPSSSLVerifyNone 1
