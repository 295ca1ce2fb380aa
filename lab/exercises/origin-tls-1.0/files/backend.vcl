backend F_origin {
  .host = "nginx.lab.test";
  .port = "443";
  .ssl = true;
  .ssl_check_cert = always;
  .ssl_cert_hostname = "nginx.lab.test";
  .connect_timeout = 5s;
}
