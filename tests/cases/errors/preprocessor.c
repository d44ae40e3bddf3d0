// Directives that fail: language.md 2.

#define AGAIN 1
#define AGAIN 2                 // warning LPC1024: Macro 'AGAIN' redefined
#define VARIADIC(a, ...) a      // error LPC1021: #define: malformed macro parameter list
#define __LINE__ 5              // error LPC1023: Illegal to redefine a predefined value.
#undef __FILE__                 // error LPC1023: Illegal to #undef a predefined value.
#nonsense                       // error LPC1020: Unknown preprocessor directive: #nonsense
#include "no_such_file.h"       // error LPC1040: Cannot #include no_such_file.h
#include no quotes              // error LPC1040: .*
#pragma no_such_pragma          // warning LPC1052: Unknown #pragma, ignored.
#warn look here                 // warning LPC1051: #warn look here.*
#error stop here                // error LPC1050: #error stop here.*
//---
#if 1.5                         // error LPC1032: .*
#endif
#if                             // error LPC1032: .*
#endif
#if 1 / 0                       // error LPC1032: .*
#endif
#if 1 2                         // error LPC1032: .*
#endif
#if (1                          // error LPC1032: .*
#endif
//---
#else                           // error LPC1031: unexpected #else
#endif                          // error LPC1031: unexpected #endif
int x;
//---
#if 1                           // error LPC1030: Missing #endif
int y;
//---
#define PASTE_START(a) ##a      // error LPC1022: '##' cannot appear at start of macro body
#define PASTE_END(a) a##        // error LPC1022: '##' cannot appear at end of macro body
