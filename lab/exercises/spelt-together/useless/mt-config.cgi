# FTPS lines of mt-config.cgi
FTPSOptions Timeout=5
FtpsOptionsSSL_verifycn_name other.lab.test
