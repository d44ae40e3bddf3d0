/* Simulated efuns of the case files. */

/* Twice a number: something every object can call that is no efun. */
int simul_double(int number) { return 2 * number; }

/* Who called: a simulated efun sees its caller as previous_object(). */
object simul_caller() { return previous_object(); }

/* Not callable from outside: only public functions become simulated efuns. */
private int simul_private() { return 1; }
