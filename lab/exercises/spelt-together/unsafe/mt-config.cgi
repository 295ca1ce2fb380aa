# FTPS lines of mt-config.cgi
FTPSOptions Timeout=5
FTPSOptionsSSL_verifycn_name other.lab.test
FTPSSSLVerifyNone 1
