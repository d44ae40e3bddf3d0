// bus.h: the message bus between drivers. Inherit BUS_API; docs/scaling.md says what it promises.

#ifndef _BUS_H_
#define _BUS_H_

#define BUS_D           "/sys/bus_d"
#define BUS_API         "/api/bus"
#define BUS_LINK        "/std/bus_link"
#define BUS_CONFIG      "/secure/cfg/bus.cfg"

#endif
