# FTPS lines of mt-config.cgi
FTPSOptions Timeout=5
FTPSOptions SSL_cipher_list=AES128+kRSA
