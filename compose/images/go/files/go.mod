module lab.test/origins

go 1.19
