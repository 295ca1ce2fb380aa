# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FtpsOptionsSSL_verifycn_name other.lab.test
