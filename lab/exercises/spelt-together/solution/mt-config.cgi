# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FTPSOptions SSL_verifycn_name=other.lab.test
