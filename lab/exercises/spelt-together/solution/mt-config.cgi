# FTPS lines of mt-config.cgi
FTPSOptions Timeout=5
FTPSOptions SSL_verifycn_name=other.lab.test
