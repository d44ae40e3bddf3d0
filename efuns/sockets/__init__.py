"""The sockets package: `modes` is the table of modes, `table` the descriptors of a driver, `base` what every
socket does, `efuns` what LPC calls; the other files are one protocol family each."""
