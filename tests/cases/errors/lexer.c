// Characters that make no token: language.md 1.

int two_characters = 'ab';          // error LPC1010: Illegal character constant
int accent = 'é';                   // error LPC1010: Illegal character constant
string octal = "\8";                // error LPC1008: .*
string unknown = "\m";              // warning LPC1009: Unknown escape sequence '\\m'.
//---
int two_underscores = 1__0;         // error LPC\d{4}: .*
//---
int underscore_after_prefix = 0x_1; // error LPC\d{4}: .*
//---
float no_digit = .5;                // error LPC\d{4}: .*
//---
int before;
/* never closed                     // error LPC1003: End of file in a comment
int after;
//---
int after_it;
/* outer /* inner */                // warning LPC1004: /\* found in comment.
int and_on;
//---
string text = "never closed;        // error LPC1005: .*
