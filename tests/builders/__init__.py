"""What tests are made of: offices, servers, bodies, files. Test files import from here, and never from each other."""
