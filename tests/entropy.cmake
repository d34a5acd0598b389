# Tests of the entropy coder.
mica_unit_test(symbol_coder mica_entropy m)
