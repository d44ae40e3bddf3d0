/* The smallest script: statements at the top level are its body. */
write("Hello, world!\n");
