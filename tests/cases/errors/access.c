// Who may see what an inherited program has: language.md 9.
#pragma no_warnings

inherit "/cases/language/fixtures/parent_a";

int late;

inherit "/cases/language/fixtures/parent_b";    // error LPC3012: Illegal to inherit after defining global variables.

void calls() {
    secret();                       // error LPC3004: Illegal to call inherited private function 'secret'
    late = same_name;               // error LPC3004: Illegal to use private variable 'same_name'.*
}
//---
inherit "/cases/errors/fixtures/final";

int fixed() { return 2; }           // error LPC3008: Illegal to redefine 'nomask' function 'fixed'
//---
inherit "/cases/no/such/file";      // error LPC3012: .*
//---
private public int both;            // error LPC3016: Multiple access modifiers.*
