// Package audit writes down what persons and tokens do, in a way that shows when somebody changes it afterwards: each
// process writes a hash chain into audit_log, and Verify goes through all of them.
//
// It must never know what is done, nor who may do it.
package audit
