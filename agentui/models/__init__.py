"""Model servers behind one face."""
