# FTPS lines of mt-config.cgi
FTPSOptions Timeout=10
FTPSOptions SSL_cipher_list=AES128
