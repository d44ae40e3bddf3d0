// One mistake, one message: each part is a program of its own.

void missing_semicolon() {
    int x = 1                   // error LPC2\d{3}: .*
    x = 2;
    write("" + x);
}
//---
void missing_bracket() {
    mixed *a = ({ 1, 2, 3 };    // error LPC2\d{3}: .*

    write("" + sizeof(a));
}
//---
void stray_else(int x) {
    if (x) write("a"); write("b");
    else write("c");            // error LPC2\d{3}: .*
}
//---
int missing_value() {
    int x = ;                   // error LPC2\d{3}: .*

    return x;
}
//---
int **two_stars;                // error LPC2\d{3}: .*
//---
void increments(int *x) {
    x++[0];                     // error LPC2\d{3}: .*
}
//---
mixed call_of_a_functional() {
    return (: $1 :)(3);         // error LPC2\d{3}: .*
}
//---
mixed open_start(int *x) {
    return x[..2];              // error LPC2014: a range needs its start.*
}
//---
mixed number_as_primary() {
    return 1[0];                // error LPC2\d{3}: .*
}
//---
void declaration_as_a_body(int x) {
    if (x) int y = 1;           // error LPC2010: a declaration cannot be the body of 'if': put it in a block
}
//---
void declaration_after_a_label(int x) {
    switch (x) {
        case 1:
            int y = 1;          // error LPC2011: a declaration after a label of a switch needs a block
    }
}
//---
static int old;                 // error LPC2\d{3}: .*
//---
class point { int x; } var;     // error LPC3019: Variable declaration cannot follow a class body directly.*
//---
int two(int a, int b) {
    return a + * b;             // error LPC2\d{3}: .*
}
int after_it() { return 1; }
//---
void first() {
    int x = ;                   // error LPC2\d{3}: .*

    write("" + x);
}

void second() {
    return 1 +;                 // error LPC2\d{3}: .*
}
