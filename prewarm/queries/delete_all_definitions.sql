DELETE FROM definitions
