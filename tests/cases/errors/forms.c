// Statements and expressions that mean nothing: first what the parser sees, then what analysis sees.

int number;
int *numbers = ({ 1, 2 });

int helper() { return 1; }

void lvalues() {
    helper() = 1;           // error LPC2008: Illegal (lvalue|LHS)
    5 = number;             // error LPC2008: Illegal (lvalue|LHS)
    numbers[0..1][0] = 5;   // error LPC2008: .*
}

void dollars() {
    number = $1;            // error LPC2015: \$var illegal outside of function pointer.
}

function inside_anonymous() {
    return function (int a) { return $1; };     // error LPC2015: \$var illegal inside anonymous function pointer.
}
//---
void outside() {
    break;                  // error LPC4009: break statement outside loop
    continue;               // error LPC4009: continue statement outside loop
}

void out_of_catch() {
    while (1) {
        catch {
            break;          // error LPC4009: Cannot break out of catch
        };
        break;
    }
}

void labels(int n, string text) {
    switch (n) {
        case 1: break;
        case 1: break;      // error LPC4010: .*
        case 5..9: break;
        case 7: break;      // error LPC4010: .*
    }
    switch (text) {
        case "a": break;
        case "a": break;    // warning LPC5016: Overlapping cases
    }
}

void mixed_labels(mixed x) {
    switch (x) {
        case "a": break;
        case 1: break;      // error LPC4010: Mixed case label list not allowed
    }
}

int increment(int ref x) { x++; return x; }

void reference_to_a_range(int *numbers) {
    increment(ref numbers[0..1]);   // error LPC4013: Illegal to make reference to range
}
